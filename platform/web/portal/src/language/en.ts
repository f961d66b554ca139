/** Words that only patients read. */
export const portal = {
  "nav.home": "Home",
  "nav.results": "Test results",
  "nav.security": "Security",
  "home.greeting": "Hello, {name}",
  "home.latest": "Latest results",
  "home.allResults": "See all {count, plural, one {# result} other {# results}}",
  "home.noResults": "You have no test results yet. When the laboratory sends one, it appears here.",
  "home.record": "Your record",
  "home.recordText": "If something here is not right, tell the clinic.",
  "home.security": "Your account",
  "home.securityText": "See where you are signed in, and sign out a device you don’t know.",
  "home.lastSignIn": "Your previous sign-in: {when}",
  "home.urgent": "This portal is not for emergencies. If you need help now, call 911.",
} as const;
