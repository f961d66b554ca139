/** A clinic may choose any colors; these functions keep what is written in them readable (WCAG 2.2, 1.4.3 and 1.4.11). */

type Rgb = readonly [number, number, number];

const DEFAULT_BRAND: Rgb = [17, 75, 70];
const WHITE: Rgb = [255, 255, 255];
const INK: Rgb = [15, 26, 25];
/** The page surfaces the accent is written on; the same values stand in tokens.css. */
const LIGHT_SURFACES: Rgb[] = [WHITE, [244, 246, 243]];
const DARK_SURFACES: Rgb[] = [[23, 32, 31], [14, 21, 20]];
const TEXT_CONTRAST = 4.5;

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

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  return [0, 1, 2].map((i) => Math.round(from[i]! + (to[i]! - from[i]!) * share)) as unknown as Rgb;
}

function readableOn(color: Rgb, surfaces: Rgb[], towards: Rgb): Rgb {
  for (let share = 0; share <= 1; share += 0.04) {
    const candidate = mix(color, towards, share);
    if (surfaces.every((surface) => contrast(candidate, surface) >= TEXT_CONTRAST)) return candidate;
  }
  return towards;
}

const css = (color: Rgb): string => `rgb(${color.join(" ")})`;

/** The custom properties for a clinic: brand, what is written on it, and the accent for light and dark pages. */
export function clinicProperties(colors: { brand: string; on_brand: string }): Record<string, string> {
  const brand = parseColor(colors.brand) ?? DEFAULT_BRAND;
  const wanted = parseColor(colors.on_brand);
  const onBrand =
    wanted && contrast(wanted, brand) >= TEXT_CONTRAST ? wanted : contrast(WHITE, brand) >= contrast(INK, brand) ? WHITE : INK;
  return {
    "--brand": css(brand),
    "--on-brand": css(onBrand),
    "--accent-light": css(readableOn(brand, LIGHT_SURFACES, INK)),
    "--accent-dark": css(readableOn(brand, DARK_SURFACES, WHITE)),
  };
}

/** Sets the properties through the CSS object model, which a strict content security policy allows. */
export function applyClinicColors(colors: { brand: string; on_brand: string }): void {
  for (const [name, value] of Object.entries(clinicProperties(colors))) document.documentElement.style.setProperty(name, value);
}
