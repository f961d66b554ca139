import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const WORD = "/\\p{L}{2}/u";
const noLiteralText = [
  { selector: `JSXText[value=${WORD}]`, message: "Text for people belongs in the catalogues: use a message id." },
  { selector: `JSXElement > JSXExpressionContainer > Literal[value=${WORD}]`, message: "Text for people belongs in the catalogues: use a message id." },
  { selector: `JSXElement > JSXExpressionContainer > TemplateLiteral > TemplateElement[value.raw=${WORD}]`, message: "Text for people belongs in the catalogues: use a message id." },
  { selector: `JSXAttribute[name.name=/^(aria-label|aria-description|title|alt|label|hint|placeholder|legend|eyebrow)$/] > Literal[value=${WORD}]`, message: "Text for people belongs in the catalogues: use a message id." },
];
const onlyMemory = [
  { object: "window", property: "sessionStorage", message: "State lives in memory only." },
  { object: "document", property: "cookie", message: "Cookies are the server's." },
];

export default tseslint.config(
  { ignores: ["**/dist", "**/node_modules", "ui/src/api/schema.d.ts"] },
  ...tseslint.configs.strict,
  {
    files: ["{ui,portal,console}/src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": reactHooks },
    rules: {
      ...reactHooks.configs.recommended.rules,
      "no-restricted-syntax": ["error", ...noLiteralText],
      "no-restricted-properties": ["error", ...onlyMemory, { object: "window", property: "localStorage", message: "State lives in memory only; the choice of language is the one exception." }],
      "no-restricted-globals": ["error", "localStorage", "sessionStorage", "fetch"],
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unused-vars": ["error", { varsIgnorePattern: "^_", argsIgnorePattern: "^_" }],
    },
  },
  { files: ["ui/src/language/provider.tsx"], rules: { "no-restricted-properties": ["error", ...onlyMemory] } },
  { files: ["**/*.test.{ts,tsx}", "ui/src/testing/**"], rules: { "no-restricted-globals": "off", "no-restricted-syntax": "off" } },
  { files: ["mock/**/*.mjs", "**/*.{js,mjs}"], rules: { "@typescript-eslint/no-unused-vars": ["error", { varsIgnorePattern: "^_", argsIgnorePattern: "^_" }], "@typescript-eslint/no-unused-expressions": "off" } },
);
