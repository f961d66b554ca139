/** Words of the waiting page. It stands alone: the catalogue and its formatter would be most of its weight. */
export const words = {
  en: {
    title: "One moment",
    text: "Very many people are signing in from your network. Your browser is doing a short calculation, then the page opens by itself.",
    working: "Working",
    failed: "That did not work. Your browser must accept cookies for this page.",
    again: "Try again",
  },
  es: {
    title: "Un momento",
    text: "Muchísimas personas están iniciando sesión desde su red. Su navegador hace un breve cálculo y después la página se abre sola.",
    working: "Calculando",
    failed: "No funcionó. Su navegador debe aceptar las cookies de esta página.",
    again: "Intentar de nuevo",
  },
} as const;

export type WaitingWords = (typeof words)[keyof typeof words];

/** The first of the browser's languages that there are words for. */
export function wordsFor(languages: readonly string[]): { language: "en" | "es"; words: WaitingWords } {
  const language = languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag === "en" || tag === "es");
  return language === "es" ? { language, words: words.es } : { language: "en", words: words.en };
}
