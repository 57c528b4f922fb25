"""Draws each metric under damage."""

COLOURS = ("#1b4965", "#e4572e", "#5fa8a3", "#a26769")


def draw(row, name, results):
    """Draws the panels of one set: distances under damage, and coverage."""
    for axes, kind in zip(row, ("noise", "blur", "modes kept"), strict=False):
        rows = results[kind]
        x = [r["strength"] for r in rows]
        axes.plot(x, [r["frechet"] for r in rows], "o-", color=COLOURS[0])
        axes.set_ylabel("Fréchet distance", color=COLOURS[0])
        other = axes.twinx()
        other.errorbar(
            x,
            [r["kernel"] for r in rows],
            [r["kernel_spread"] for r in rows],
            fmt="s--",
            color=COLOURS[1],
            capsize=2,
        )
        other.set_ylabel("kernel distance", color=COLOURS[1])
        axes.set_xlabel(kind)
        axes.set_ylim(bottom=0)
        other.set_ylim(bottom=0)
        if kind == "modes kept":
            axes.invert_xaxis()
    rows = results["different images"]
    axes = row[3]
    for number, colour in zip(
        ("precision", "recall", "density", "coverage"), COLOURS, strict=True
    ):
        values = [r[number] for r in rows]
        axes.plot([r["strength"] for r in rows], values, "o-", color=colour,
                  label=number)  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(0, 2.2)
    axes.set_xlabel("different images, repeated")
    axes.legend(fontsize="small", ncols=2, loc="upper center")
    row[0].set_title(f"{name} by {results['extractor']['name']}", loc="left")
