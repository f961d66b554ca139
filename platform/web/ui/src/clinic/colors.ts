/** A clinic may choose any colors; these functions keep what is written in them readable (WCAG 2.2, 1.4.3 and 1.4.11). */

type Rgb = readonly [number, number, number];

const DEFAULT_BRAND: Rgb = [17, 75, 70];
const WHITE: Rgb = [255, 255, 255];
/** Of black and white one reads at 4.58 or better on any color; a softer black would not. */
const BLACK: Rgb = [0, 0, 0];
/** The page surfaces the accent is written on; the same values stand in tokens.css. */
const LIGHT_SURFACES: Rgb[] = [WHITE, [244, 246, 243], [235, 239, 235]];
const DARK_SURFACES: Rgb[] = [
  [23, 32, 31],
  [14, 21, 20],
  [31, 42, 40],
];
const TEXT_CONTRAST = 4.5;
/** Dark pages make dull accents look disabled, so the accent is lighter there than it must be. */
const DARK_CONTRAST = 7;

/** `#rgb` or `#rrggbb`; anything else is null and the product's own color is used. */
export function parseColor(value: string): Rgb | null {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(value.trim());
  const digits = short ? `${short[1]}${short[1]}${short[2]}${short[2]}${short[3]}${short[3]}` : value.trim().replace(/^#/, "");
  if (!/^[0-9a-f]{6}$/i.test(digits)) return null;
  return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)) as unknown as Rgb;
}

function luminance(color: Rgb): number {
  const [r, g, b] = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(one: Rgb, other: Rgb): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** Hue in degrees, saturation and lightness as shares. */
function toHsl(color: Rgb): [number, number, number] {
  const [r, g, b] = color.map((part) => part / 255) as [number, number, number];
  const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
  const spread = most - least;
  const lightness = (most + least) / 2;
  if (spread === 0) return [0, 0, lightness];
  const hue = most === r ? ((g - b) / spread + 6) % 6 : most === g ? (b - r) / spread + 2 : (r - g) / spread + 4;
  return [hue * 60, spread / (1 - Math.abs(2 * lightness - 1)), lightness];
}

function fromHsl([hue, saturation, lightness]: [number, number, number]): Rgb {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const part = (offset: number): number => {
    const at = (offset + hue / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(at - 3, 9 - at, 1))));
  };
  return [part(0), part(8), part(4)];
}

/** The color made lighter or darker, in its own hue, until it reads on every surface. */
function readableOn(color: Rgb, surfaces: Rgb[], direction: 1 | -1, least: number): Rgb {
  const readable = (candidate: Rgb) => surfaces.every((surface) => contrast(candidate, surface) >= least);
  if (readable(color)) return color;
  const [hue, saturation, lightness] = toHsl(color);
  const calm = Math.min(saturation, direction === 1 ? 0.42 : 0.75);
  for (let step = lightness; step > 0 && step < 1; step += direction * 0.02) {
    const candidate = fromHsl([hue, calm, step]);
    if (readable(candidate)) return candidate;
  }
  return direction === 1 ? WHITE : BLACK;
}

const css = (color: Rgb): string => `rgb(${color.join(" ")})`;

/** The custom properties for a clinic: brand, what is written on it, and the accent for light and dark pages. */
export function clinicProperties(colors: { brand: string; on_brand: string }): Record<string, string> {
  const brand = parseColor(colors.brand) ?? DEFAULT_BRAND;
  const wanted = parseColor(colors.on_brand);
  const onBrand =
    wanted && contrast(wanted, brand) >= TEXT_CONTRAST ? wanted : contrast(WHITE, brand) >= TEXT_CONTRAST ? WHITE : BLACK;
  return {
    "--brand": css(brand),
    "--on-brand": css(onBrand),
    "--accent-light": css(readableOn(brand, LIGHT_SURFACES, -1, TEXT_CONTRAST)),
    "--accent-dark": css(readableOn(brand, DARK_SURFACES, 1, DARK_CONTRAST)),
  };
}

/** Sets the properties through the CSS object model, which a strict content security policy allows. */
export function applyClinicColors(colors: { brand: string; on_brand: string }): void {
  for (const [name, value] of Object.entries(clinicProperties(colors))) document.documentElement.style.setProperty(name, value);
}
