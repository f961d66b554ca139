import type { Clinic } from "../api/types";

/** The clinic's logo, or an arch with its initial where it has none. */
export function ClinicMark({ clinic }: { clinic: Clinic }) {
  if (clinic.logo_url) return <img className="mark" src={clinic.logo_url} alt="" width="36" height="36" />;
  return (
    <svg className="mark" viewBox="0 0 36 36" width="36" height="36" aria-hidden="true">
      <path className="mark-arch" d="M3 36V18a15 15 0 0 1 30 0v18Z" />
      <text className="mark-letter" x="18" y="26" textAnchor="middle">
        {Array.from(clinic.name)[0]?.toUpperCase()}
      </text>
    </svg>
  );
}

/** A row of arches, the quiet ornament of the pages before sign-in. */
export function Arcade() {
  const arches = Array.from({ length: 6 }, (_, i) => i * 120);
  return (
    <svg className="arcade" viewBox="0 0 720 300" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
      {arches.map((x) => (
        <g key={x} transform={`translate(${x} 0)`}>
          <path className="arcade-outer" d="M8 300V112a52 52 0 0 1 104 0v188" />
          <path className="arcade-inner" d="M22 300V114a38 38 0 0 1 76 0v186Z" />
        </g>
      ))}
      <path className="arcade-outer" d="M0 40H720M0 28H720" />
    </svg>
  );
}
