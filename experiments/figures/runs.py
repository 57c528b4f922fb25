"""The runs that figures are drawn by, in the order in which they are made.

Times by default are those of the notes, on two CPU cores; a run that several figures
share stands here once. What must be trained once and is then kept, such as the
regressor of faces, takes some minutes more the first time.
"""

from experiments.figures.entries import Made

LATENT = "--data {digits} --no-flip --model.resolution 32 --model.channels 1"

RUNS = {
    "loss_curves": Made("loss_curves", 0.3),
    "gan_1d": Made("gan_1d", 0.7, "", 0.5),
    "gan_mnist": Made("gan_mnist --data {digits}", 2.3, "--steps 4000", 1),
    "cgan_mnist": Made("cgan_mnist --data {digits}", 4.3, "--steps 5000", 1.3),
    "cdcgan_mnist": Made("cdcgan_mnist --data {digits}", 3.3, "--steps 600", 1),
    "latent_study": Made(
        "latent_study --data {digits}", 7.4, "--steps 400 --large-steps 200", 1.5
    ),
    "faces": Made(
        "dcgan_faces --evaluate-every 1000",
        11,
        "--steps 1500 --evaluate-every 500 --sample-every 250",
        3,
    ),
    "inside": Made("inside_networks --run {faces}", 1, "--images 300", 0.7),
    "conv_arithmetic": Made("conv_arithmetic", 0.2, "", 0.2),
    "text_to_faces": Made(
        "text_to_faces", 10, "--steps 500 --tests 256 --encoder facts", 2
    ),
    "infogan_mnist": Made("infogan_mnist --data {digits}", 9, "--steps 600", 1.4),
    "infogan_faces": Made(
        "infogan_faces", 8, "--steps 500 --sample-every 500 --heads 2048", 1.3
    ),
    "improved_gan": Made(
        "improved_gan_mnist --data {digits} --minibatch-steps 3000",
        12,
        "--steps 600 --minibatch-steps 150",
        1.2,
    ),
    "improved_gan_images": Made("improved_gan_images", 9, "--steps 60", 1),
    "metrics": Made(
        "metric_sanity --data {digits} portraits:4000", 2, "--count 1500", 0.8
    ),
    "gp_gan": Made("gp_gan_scenes", 5, "--steps 300 --model.decay 300", 1),
    "lapgan": Made(
        "lapgan_faces",
        20,
        "--steps 600 --sample-every 150 --checkpoint-every 150 --evaluate-every 150",
        2,
    ),
    "stackgan": Made(
        "stackgan_faces", 9, "--steps 250 --stage2-steps 150 --tests 256", 2
    ),
    "shapes": Made("draw_networks --model dcgan", 0.3, "", 0.2),
    "deduplicate": Made(
        "deduplicate --data portraits:4096 --plant 200", 3, "--steps 500", 0.6
    ),
    "digits_but_0": Made(
        f"dcgan_faces {LATENT} --leave-out 0 --steps 3000", 6, "--steps 700", 1.2
    ),
    "features": Made(
        "discriminator_features --run {digits_but_0} --data {digits} --labels 500 100",
        3,
        "--labels 500 --trials 2 --centroids 0",
        0.7,
    ),
    "walk": Made("latent_walk --run {faces}", 1.5, "--walks 4 --stops 5", 0.6),
    "forget": Made(
        "forget_object --run {faces}", 4, "--samples 200 --count 150 --controls 1", 1.2
    ),
    "arithmetic": Made(
        "latent_arithmetic --run {faces}", 4, "--samples 1500 --trials 40", 1.2
    ),
    **{
        f"pix2pix_{task.replace('-', '_')}": Made(
            f"pix2pix --task {task}",
            6,
            "--steps 100 --model.constant 50 --model.decay 50 --model.width 16",
            0.6,
        )
        for task in (
            *("labels-to-portrait", "portrait-to-labels", "edges-to-photo"),
            *("grey-to-colour", "day-to-night", "young-to-old"),
        )
    },
    "cyclegan": Made(
        "cyclegan", 7, "--steps 300 --model.constant 150 --model.decay 150", 0.9
    ),
    "progan": Made("progan_faces", 10, "--steps 160", 2.3),
    "biggan": Made("biggan_faces", 5, "--steps 500", 1.6),
    "truncation": Made(
        "truncation_curve --run {biggan} --count 1000 --thresholds 0.25 0.5 1 2",
        1,
        "--count 500",
        0.7,
    ),
    "autoencoder": Made(
        "autoencoder_mnist --data {digits}", 2.1, "--steps 1500 --critic-steps 700", 1
    ),
    "d_only": Made(
        "discriminator_only --data {digits}", 4.4, "--digit-rounds 100", 0.8
    ),
    "points_ring": Made(
        "gan_2d", 2.2, "--steps 6000 --model.decay-steps 6000 --seeds 4", 0.7
    ),
    "points_four": Made("gan_2d --preset notes", 3, "--steps 6000", 0.8),
    "points_grid": Made(
        "gan_2d --preset grid25",
        22,
        "--steps 3000 --model.decay-steps 3000 --seeds 2",
        1.2,
    ),
    "vaegan": Made("vaegan_faces", 10, "--steps 120 --vae-steps 250 --people 256", 1.4),
    "video": Made("multiscale_video --losses l2 adv", 5, "--steps 300 --tests 40", 1.5),
    "inpaint": Made(
        "inpaint --run {faces}",
        5,
        "--mask centre random half --images 4 --iterations 150 --restarts 1",
        1,
    ),
    "context_encoder": Made(
        "context_encoder_images", 5, "--steps 250 --model.decay 250", 1
    ),
    "srgan": Made("srgan_images", 5, "--steps 150 --gan-steps 40", 1.2),
    "anomaly": Made(
        "anomaly --run {digits_but_0}",
        3,
        "--images 30 --iterations 150 --restarts 1",
        0.7,
    ),
    "ageing": Made(
        "age_cgan_faces --judge",
        12,
        "--steps 350 --encoder-steps 60 --people 16 --iterations 30",
        1.6,
    ),
    "turning": Made("tp_gan_faces", 4, "--steps 40 --data.people 64", 0.6),
    "malgan": Made("malgan_study", 3, "--detectors LR DT --epochs 15", 0.5),
    "capsnet": Made("capsnet_mnist --data {digits}", 5, "--steps 500", 1),
    "equivariance": Made("capsnet_equivariance --run {capsnet}", 1, "--count 40", 0.7),
    "squash": Made("capsule_squash", 0.2, "", 0.2),
    "routing": Made("capsnet_routing --run {capsnet}", 0.7),
    "reconstructions": Made("capsnet_reconstructions --run {capsnet}", 0.6),
    "dimensions": Made("capsnet_dimensions --run {capsnet}", 0.7),
    "multimnist": Made("capsnet_multimnist --data {digits}", 6, "--steps 400", 1),
    "capsnet_table": Made(
        "capsnet_table --data {digits}",
        120,
        "--seeds 0 --mnist-steps 120 --multimnist-steps 60 --narrower 16",
        3.0,
    ),
    "shifts": Made("transforming_autoencoder --data {digits}", 5, "--steps 8000", 1.2),
}
