// The agent's face: a round shape that listens, thinks and speaks.

// wobble: share of the radius by which the outline swells on its own; speed: how fast; voice: how
// much of the agent's level moves it; mic: how much of the microphone's level opens the ring;
// orbit: strength of the points that circle it while one has to wait; size: share of full size.
const LOOKS = {
  rest: { wobble: 0.035, speed: 0.5, voice: 0, mic: 0, orbit: 0, size: 0.94 },
  waiting: { wobble: 0.02, speed: 0.7, voice: 0, mic: 0, orbit: 1, size: 0.78 },
  listening: { wobble: 0.03, speed: 0.7, voice: 0, mic: 1, orbit: 0, size: 0.92 },
  thinking: { wobble: 0.075, speed: 1.9, voice: 0, mic: 0, orbit: 0.8, size: 0.82 },
  speaking: { wobble: 0.05, speed: 1.3, voice: 1, mic: 0, orbit: 0, size: 1 },
  away: { wobble: 0, speed: 0.3, voice: 0, mic: 0, orbit: 0, size: 0.74 },
};

const EASE = 0.12; // share of the way to a new look taken in each frame: about 300 ms in all

export class Orb {
  #canvas;
  #look = { ...LOOKS.rest };
  #target = LOOKS.rest;
  #inner;
  #outer;
  #time = 0;
  #then = 0;
  #voice = 0;
  #mic = 0;
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {HTMLCanvasElement} canvas Its CSS gives the size and, by data-look, the colours. */
  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#fit()).observe(canvas);
    this.#fit();
  }

  /** @param {keyof LOOKS} name */
  set look(name) {
    this.#canvas.dataset.look = name;
    this.#target = LOOKS[name];
  }

  /**
   * Draw a frame.
   * @param {number} now Milliseconds, as requestAnimationFrame gives them.
   * @param {{voice: number, mic: number}} levels Of the agent and of the microphone, 0 to 1.
   */
  draw(now, levels) {
    const passed = Math.min(0.05, (now - this.#then) / 1000);
    this.#then = now;
    const still = this.#still.matches;
    const ease = still ? 1 : EASE;
    for (const key in this.#look) this.#look[key] += (this.#target[key] - this.#look[key]) * ease;
    if (!still) {
      this.#time += passed * this.#look.speed;
      this.#voice += (levels.voice * this.#look.voice - this.#voice) * 0.3;
      this.#mic += (levels.mic * this.#look.mic - this.#mic) * 0.3;
    }
    const style = getComputedStyle(this.#canvas);
    this.#inner = mix(this.#inner, style.getPropertyValue("--orb-inner"), ease);
    this.#outer = mix(this.#outer, style.getPropertyValue("--orb-outer"), ease);
    this.#paint();
  }

  #fit() {
    const side = this.#canvas.clientWidth * devicePixelRatio;
    if (side && this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
  }

  #paint() {
    const pen = this.#canvas.getContext("2d");
    const side = this.#canvas.width;
    const { wobble, orbit, size, mic: open } = this.#look;
    const radius = side * 0.31 * (size + this.#voice * 0.16);
    const swell = wobble + this.#voice * 0.12;
    pen.setTransform(1, 0, 0, 1, side / 2, side / 2);
    pen.clearRect(-side / 2, -side / 2, side, side);

    const glow = pen.createRadialGradient(0, 0, radius * 0.7, 0, 0, side / 2);
    glow.addColorStop(0, rgba(this.#outer, 0.26 + this.#voice * 0.2));
    glow.addColorStop(1, rgba(this.#outer, 0));
    pen.fillStyle = glow;
    pen.fillRect(-side / 2, -side / 2, side, side);

    // The microphone: a ring that the user's own voice opens.
    pen.lineWidth = side * (0.004 + this.#mic * 0.008);
    pen.strokeStyle = rgba(this.#outer, open * (0.35 + this.#mic * 0.5));
    pen.beginPath();
    pen.arc(0, 0, radius * (1.16 + this.#mic * 0.28), 0, Math.PI * 2);
    pen.stroke();

    for (const [layer, alpha] of [[1.1, 0.22], [1.04, 0.4], [0.97, 1]]) {
      const body = pen.createLinearGradient(-radius, -radius, radius, radius);
      body.addColorStop(0, rgba(this.#inner, alpha));
      body.addColorStop(1, rgba(this.#outer, alpha));
      pen.fillStyle = body;
      this.#outline(pen, radius * layer, swell, layer * 40);
      pen.fill();
    }
    const shine = pen.createRadialGradient(
      -radius * 0.35, -radius * 0.45, 0, -radius * 0.35, -radius * 0.45, radius * 1.1,
    );
    shine.addColorStop(0, "rgba(255, 255, 255, 0.5)");
    shine.addColorStop(1, "rgba(255, 255, 255, 0)");
    pen.fillStyle = shine;
    pen.fill();

    for (let point = 0; point < 3 && orbit > 0.02; point++) {
      const angle = this.#time * 2.2 - point * 0.42;
      pen.fillStyle = rgba(this.#outer, orbit * (0.95 - point * 0.28));
      pen.beginPath();
      pen.arc(
        Math.cos(angle) * radius * 1.34, Math.sin(angle) * radius * 1.34,
        side * (0.016 - point * 0.003), 0, Math.PI * 2,
      );
      pen.fill();
    }
  }

  #outline(pen, radius, swell, offset) {
    const steps = 96;
    pen.beginPath();
    for (let step = 0; step <= steps; step++) {
      const angle = (step / steps) * Math.PI * 2;
      const wave =
        Math.sin(angle * 2 + this.#time * 1.7 + offset) * 0.5 +
        Math.sin(angle * 3 - this.#time * 2.3 + offset * 2) * 0.35 +
        Math.sin(angle * 5 + this.#time * 3.1) * 0.15;
      const reach = radius * (1 + swell * wave);
      pen.lineTo(Math.cos(angle) * reach, Math.sin(angle) * reach);
    }
    pen.closePath();
  }
}

// Colours come from CSS as "12 107 91".
function mix(from, css, share) {
  const to = css.trim().split(/\s+/).map(Number);
  return from ? from.map((value, i) => value + (to[i] - value) * share) : to;
}

function rgba([red, green, blue], alpha) {
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}
