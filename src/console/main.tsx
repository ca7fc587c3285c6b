import { render } from 'preact';
import { App } from './app.tsx';
import { keepFocus } from './focus.ts';
import { takeNoSecondTap } from './told.ts';

const root = document.getElementById('app');
if (root !== null) {
  keepFocus(root);
  takeNoSecondTap();
  render(<App />, root);
}
