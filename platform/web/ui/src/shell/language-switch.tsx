import { useLanguage, useText } from "../language/provider";
import { Button } from "../parts/button";

/** Switches to the other language, named in that language. */
export function LanguageSwitch() {
  const t = useText();
  const { language, choose } = useLanguage();
  const other = language === "en" ? "es" : "en";
  return (
    <span lang={other}>
      <Button kind="quiet" onPress={() => choose(other)}>
        {t("app.switchLanguage")}
      </Button>
    </span>
  );
}
