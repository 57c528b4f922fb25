// The controls: made from what can be chosen, and set to what the server says.

const choices = JSON.parse(document.getElementById('choices').textContent);
const GROUPS = {
  quick: [['data'], ['discriminator_rate', 'generator_rate'], ['weight']],
  slow: [['loss'], ['penalty'], ['order', 'discriminator_steps'], ['dynamics', 'batch']],
  anew: [['width', 'layers'], ['seeds']],
};
const controls = {};
const find = id => document.getElementById(id);

function element(name, parts = {}, ...inside) {
  const made = Object.assign(document.createElement(name), parts);
  made.append(...inside);
  return made;
}

async function send(path, told) {
  const answer = await fetch(path, {method: 'POST', body: JSON.stringify(told)});
  const said = await answer.json();
  page.error = answer.ok ? '' : said.error;
  page.errorUntil = Date.now() + 8000;
  page.setting = ''; // a refused value is taken back
  showSaid();
}

// A slider's place, 0 to 300, is a power of ten; a bound of 0 is its left end.
const lowest = field => field.least || 1e-4;
function valueAt(field, place) {
  if (field.least === 0 && place === 0) return 0;
  const [a, b] = [Math.log10(lowest(field)), Math.log10(field.most)];
  return Number((10 ** (a + (b - a) * place / 300)).toPrecision(2));
}
function placeOf(field, value) {
  if (value <= 0) return 0;
  const [a, b] = [Math.log10(lowest(field)), Math.log10(field.most)];
  return Math.round((Math.log10(value) - a) / (b - a) * 300);
}

function control(name) {
  const field = choices.fields[name];
  const told = element('output');
  const head = element('span', {}, field.label, told);
  const label = element('label', {title: field.tip}, head);
  let input;
  if (field.kind === 'slider') {
    input = element('input', {type: 'range', min: 0, max: 300, id: name});
    input.oninput = () => { told.textContent = valueAt(field, Number(input.value)) };
    input.onchange = () => send('/change', {[name]: valueAt(field, Number(input.value))});
  } else {
    input = element('select', {id: name});
    for (const [value, text] of field.options) {
      input.append(element('option', {value, textContent: text}));
    }
    input.onchange = () => send('/change',
      {[name]: field.kind === 'number' ? Number(input.value) : input.value});
  }
  label.append(input);
  const tip = element('p', {className: name === 'loss' ? 'formula' : 'tip'});
  controls[name] = value => {
    if (document.activeElement === input && field.kind === 'slider') return;
    if (field.kind === 'slider') {
      input.value = placeOf(field, value);
      told.textContent = value;
    } else {
      input.value = value;
      tip.textContent = (field.about || {})[value] || '';
    }
    if (name === 'loss') {
      const [d, g] = choices.losses[value];
      tip.replaceChildren(element('b', {textContent: 'D '}), d, element('br'),
        element('b', {textContent: 'G '}), g);
    }
  };
  return element('div', {}, label, tip);
}

function makeControls() {
  for (const [group, lines] of Object.entries(GROUPS)) {
    for (const names of lines) {
      const made = names.map(control);
      find(group).append(made.length > 1 ?
        element('div', {className: 'pair'}, ...made) : made[0]);
    }
  }
  find('slow').children[0].append(element('p', {className: 'tip',
    textContent: 'Each is made small. x, y: D of data and of a sample; ' +
      'sp(a) = log(1 + exp a).'}));
  for (const {title, see, setting} of choices.examples) {
    const button = element('button', {textContent: title});
    button.onclick = async () => {
      find('see').textContent = see;
      await send('/change', setting);
      await send('/act', {what: 'restart'});
      await send('/act', {what: 'play'});
    };
    find('examples').append(button);
  }
}

function setControls(setting) {
  for (const [name, set] of Object.entries(controls)) set(setting[name]);
  find('plane').classList.toggle('drawn', setting.data === 'drawn');
  document.querySelector('.drawing').hidden = setting.data !== 'drawn';
}
