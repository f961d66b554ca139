import type { SameKeys } from "@cloister/ui";
import type { portal as english } from "./en";

export const portal = {
  "nav.home": "Inicio",
  "nav.results": "Resultados",
  "nav.security": "Seguridad",
  "home.greeting": "Hola, {name}",
  "home.latest": "Últimos resultados",
  "home.allResults": "Ver {count, plural, one {el único resultado} other {los # resultados}}",
  "home.noResults": "Todavía no tiene resultados. Cuando el laboratorio envíe uno, aparecerá aquí.",
  "home.record": "Su expediente",
  "home.recordText": "Si algo de esto no es correcto, avise a la clínica.",
  "home.security": "Su cuenta",
  "home.securityText": "Vea dónde tiene la sesión abierta y ciérrela en un dispositivo que no reconozca.",
  "home.lastSignIn": "Su sesión anterior: {when}",
  "home.urgent": "Este portal no es para emergencias. Si necesita ayuda ahora, llame al 911.",
} as const satisfies SameKeys<typeof english>;
