/**
 * The colours of the console, for pages that load nothing: the same text as at the head of `src/console/style.css`, light and
 * dark (a test compares them).
 */
export const colours = `:root {
  color-scheme: light dark;
  --ground: #f8f9fb;
  --paper: #ffffff;
  --text: #1b2330;
  --quiet: #566072;
  --line: #d9dee6;
  --soft: #eef1f5;
  --link: #1d4ed8;
  --bad: #b3161b;
  --bad-soft: #fdeceb;
  --warn: #8a4b00;
  --warn-soft: #fdf1dd;
  --live: #1a4fb8;
  --live-soft: #e8effc;
  --good: #16683a;
  --good-soft: #e5f4ea;
  --focus: #1d4ed8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11151c;
    --paper: #181d26;
    --text: #e4e8ee;
    --quiet: #a0abba;
    --line: #303846;
    --soft: #222936;
    --link: #8ab4ff;
    --bad: #ff9a92;
    --bad-soft: #3a1b1d;
    --warn: #f3bd6c;
    --warn-soft: #362811;
    --live: #98bdff;
    --live-soft: #1a2a48;
    --good: #82d8a2;
    --good-soft: #16301f;
    --focus: #8ab4ff;
  }
}
`;
