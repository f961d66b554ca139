import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { IntlProvider, useIntl } from "react-intl";
import { I18nProvider } from "react-aria-components";
import { LOCALES, sharedCatalogue, type Language, type MessageId } from "./catalogue";

const STORED_AS = "cloister.language";

interface LanguageChoice {
  language: Language;
  choose: (language: Language) => void;
  /** Uses the clinic's own language where the person has not chosen one. */
  suggest: (language: Language) => void;
  /** Writes the choice again after the browser's storage was cleared at sign-out. */
  remember: () => void;
}

const LanguageContext = createContext<LanguageChoice | null>(null);

function stored(): Language | null {
  try {
    const value = window.localStorage.getItem(STORED_AS);
    return value === "en" || value === "es" ? value : null;
  } catch {
    return null;
  }
}

function store(language: Language): void {
  try {
    window.localStorage.setItem(STORED_AS, language);
  } catch {
    // Storage may be switched off; the choice then holds for this page only.
  }
}

function preferred(): Language {
  return window.navigator.language.toLowerCase().startsWith("es") ? "es" : "en";
}

/** Gives the whole app its language. The choice is the only thing this app stores in the browser. */
export function LanguageProvider({ catalogue, children }: { catalogue?: Record<Language, Record<string, string>>; children: ReactNode }) {
  const [chosen, setChosen] = useState<Language | null>(stored);
  const [suggested, setSuggested] = useState<Language | null>(null);
  const language = chosen ?? suggested ?? preferred();
  const locale = LOCALES[language];

  const choose = useCallback((next: Language) => {
    setChosen(next);
    store(next);
  }, []);
  const remember = useCallback(() => {
    if (chosen) store(chosen);
  }, [chosen]);

  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);

  const messages = useMemo(() => ({ ...sharedCatalogue[language], ...catalogue?.[language] }), [catalogue, language]);
  const value = useMemo(() => ({ language, choose, suggest: setSuggested, remember }), [language, choose, remember]);
  return (
    <LanguageContext.Provider value={value}>
      <IntlProvider locale={locale} messages={messages} defaultLocale={LOCALES.en}>
        <I18nProvider locale={locale}>{children}</I18nProvider>
      </IntlProvider>
    </LanguageContext.Provider>
  );
}

export function useLanguage(): LanguageChoice {
  const value = useContext(LanguageContext);
  if (!value) throw new Error("useLanguage needs a LanguageProvider");
  return value;
}

export type TextValues = Record<string, string | number>;
export type Translate = (id: MessageId, values?: TextValues) => string;

/** The text of a message id in the person's language. */
export function useText(): Translate {
  const intl = useIntl();
  return useCallback((id, values) => intl.formatMessage({ id }, values), [intl]);
}

/** A message as an element. */
export function Text({ id, values }: { id: MessageId; values?: TextValues }) {
  return <>{useText()(id, values)}</>;
}
