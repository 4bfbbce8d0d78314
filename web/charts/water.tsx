import { useEffect, useRef } from 'preact/hooks';
import { eachFrame, nowMs, prefersStill } from '../clock.ts';
import { keptS, live } from '../live.ts';
import { colorOf, faded, shade } from '../theme.ts';

/**
 * The traffic of the last two minutes as water: as deep as there were invocations in a second, and it flows as time does. Behind
 * it stands what was in flight. With reduced motion it is drawn once a second.
 */
export function Water({ summary }: { readonly summary: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d') ?? null;
    if (element === null || context === null) return undefined;
    const scene = new Scene(element, context);
    const stops = [live.follow(() => scene.arrived()), shade.follow(() => scene.recolor())];
    stops.push(prefersStill() ? live.follow(() => scene.draw(0)) : eachFrame(() => scene.draw(scene.passedS())));
    scene.draw(0);
    return () => stops.forEach((stop) => stop());
  }, []);
  return <canvas ref={canvas} class="water" role="img" aria-label={summary} />;
}

class Scene {
  readonly #element: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  #colors = colors();
  #arrivedMs = nowMs();
  #top = { traffic: 1, inFlight: 1 };

  constructor(element: HTMLCanvasElement, context: CanvasRenderingContext2D) {
    this.#element = element;
    this.#context = context;
  }

  arrived(): void {
    this.#arrivedMs = nowMs();
  }

  recolor(): void {
    this.#colors = colors();
    this.draw(0);
  }

  /** Since the last second came; it is drawn in during the next. */
  passedS(): number {
    return Math.min(1, (nowMs() - this.#arrivedMs) / 1000);
  }

  draw(passedS: number): void {
    const { width, height } = fit(this.#element, this.#context);
    const context = this.#context;
    context.clearRect(0, 0, width, height);
    const { past } = live.get();
    if (past.length === 0) return;
    const traffic = past.map(({ perSecond }) => perSecond.invocations);
    const inFlight = past.map(({ functions }) => functions.reduce((sum, item) => sum + item.inFlight, 0));
    // The scale follows slowly, so that a burst is seen as one.
    this.#top.traffic += (Math.max(1, ...traffic) * 1.35 - this.#top.traffic) * 0.08;
    this.#top.inFlight += (Math.max(1, ...inFlight) * 1.1 - this.#top.inFlight) * 0.08;
    const shape = { width, height, passedS };
    this.#surface(
      inFlight.map((value) => value / this.#top.inFlight),
      shape,
      this.#colors.back,
    );
    this.#surface(
      traffic.map((value) => value / this.#top.traffic),
      shape,
      this.#colors.front,
    );
  }

  #surface(levels: readonly number[], shape: Shape, { top, bottom, edge }: Tint): void {
    const context = this.#context;
    const { width, height, passedS } = shape;
    const stepPx = width / (keptS - 2);
    const x = (index: number) => width - (levels.length - 2 - index + passedS) * stepPx;
    const y = (index: number) => height - Math.min(0.96, levels[index] ?? 0) * height * 0.82;
    context.beginPath();
    context.moveTo(x(0) - width, height);
    context.lineTo(x(0) - width, y(0));
    context.lineTo(x(0), y(0));
    // From middle to middle, bent by the value between: a surface without corners.
    for (let index = 1; index < levels.length; index += 1) {
      const [middleX, middleY] = [(x(index - 1) + x(index)) / 2, (y(index - 1) + y(index)) / 2];
      context.quadraticCurveTo(x(index - 1), y(index - 1), middleX, middleY);
    }
    context.lineTo(x(levels.length - 1), y(levels.length - 1));
    context.strokeStyle = edge;
    context.lineWidth = 2;
    context.stroke();
    context.lineTo(x(levels.length - 1), height);
    context.closePath();
    const gradient = context.createLinearGradient(0, 0, 0, height);
    gradient.addColorStop(0, top);
    gradient.addColorStop(1, bottom);
    context.fillStyle = gradient;
    context.fill();
  }
}

interface Shape {
  readonly width: number;
  readonly height: number;
  readonly passedS: number;
}
interface Tint {
  readonly top: string;
  readonly bottom: string;
  readonly edge: string;
}

function colors(): { front: Tint; back: Tint } {
  const [water, foam] = [colorOf('water'), colorOf('foam')];
  return {
    front: { top: faded(water, 0.75), bottom: faded(water, 0.16), edge: water },
    back: { top: faded(foam, 0.4), bottom: faded(foam, 0.06), edge: faded(foam, 0.7) },
  };
}

/** The canvas in pixels of the screen; coordinates stay CSS's. */
export function fit(element: HTMLCanvasElement, context: CanvasRenderingContext2D): { width: number; height: number } {
  const { clientWidth: width, clientHeight: height } = element;
  const ratio = devicePixelRatio;
  if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { width, height };
}
