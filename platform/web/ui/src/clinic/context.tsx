import { createContext, useContext } from "react";
import type { Clinic } from "../api/types";

const ClinicContext = createContext<Clinic | null>(null);
export const ClinicProvider = ClinicContext.Provider;

/** The clinic of this host, for its name, colors and time zone. */
export function useClinic(): Clinic {
  const clinic = useContext(ClinicContext);
  if (!clinic) throw new Error("useClinic needs a ClinicProvider");
  return clinic;
}
