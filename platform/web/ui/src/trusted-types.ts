/**
 * The default Trusted Types policy: the empty string and nothing else.
 *
 * React Aria and React DOM clear nodes by assigning an empty string to `innerHTML`; every other assignment of text as
 * markup or script is refused by the browser. Import this before anything else.
 */
interface TrustedTypePolicyFactory {
  createPolicy(name: string, rules: { createHTML: (value: string) => string | null }): unknown;
}

const factory = (window as unknown as { trustedTypes?: TrustedTypePolicyFactory }).trustedTypes;
factory?.createPolicy("default", { createHTML: (value) => (value === "" ? "" : null) });

export {};
