/**
 * A runbook as a document. The parser is the one that publishing reads it with, so lines are where cells say they stand. What it
 * finds becomes elements of the page, never HTML: raw HTML in a document is text here as well.
 */
import MarkdownIt, { type Token } from 'markdown-it';
import type { ComponentChildren, VNode } from 'preact';
import { harmless } from './text.ts';

const markdown = new MarkdownIt('commonmark', { html: false }).enable('table');

/** What may stand for a fence or a heading. `line` is that of the document, from 1; `undefined`: what is written. */
export type Place = {
  fence(line: number, info: string, content: string): VNode | undefined;
  heading(line: number): VNode | undefined;
};

/** Where a link may lead. */
const isHarmless = (href: string): boolean => /^(https?:|mailto:)/i.test(href);

/** The braces of a section are for Pawl. */
const withoutBraces = (text: string): string =>
  text.replace(/\s*\{\s*(?:when|each|on|name|else|parallel)\b.*\}\s*$/, '');

type Node = { token: Token; children: Node[] };
const treeOf = (tokens: readonly Token[]): Node[] => {
  const root: Node[] = [];
  const stack: Node[][] = [root];
  for (const token of tokens) {
    if (token.nesting === -1) {
      stack.pop();
      continue;
    }
    const node = { token, children: [] };
    stack.at(-1)?.push(node);
    if (token.nesting === 1) stack.push(node.children);
  }
  return root;
};

const inline = (nodes: readonly Node[]): ComponentChildren =>
  nodes.map(({ token, children }) => {
    const { type, content } = token;
    switch (type) {
      case 'text':
        return harmless(content);
      case 'softbreak':
        return '\n';
      case 'hardbreak':
        return <br />;
      case 'code_inline':
        return <code>{harmless(content)}</code>;
      case 'strong_open':
        return <strong>{inline(children)}</strong>;
      case 'em_open':
        return <em>{inline(children)}</em>;
      case 'link_open': {
        const href = String(token.attrGet('href') ?? '');
        if (!isHarmless(href)) return inline(children);
        return (
          <a href={href} rel="noreferrer noopener" target="_blank">
            {inline(children)}
          </a>
        );
      }
      // Pictures are loaded from elsewhere, and so they are not.
      case 'image':
        return harmless(content);
      default:
        return children.length > 0 ? inline(children) : harmless(content);
    }
  });

const inlineOf = ({ children }: Node): ComponentChildren =>
  inline(children.flatMap(({ token }) => treeOf(token.children ?? [])));

const headings = ['h2', 'h3', 'h4', 'h5', 'h6', 'h6'] as const;

const blocks = (nodes: readonly Node[], place: Place): ComponentChildren =>
  nodes.map((node) => {
    const { token, children } = node;
    const line = (token.map?.[0] ?? -1) + 1;
    switch (token.type) {
      case 'heading_open': {
        // The title of the page is its first.
        const Heading = headings[Number(token.tag.slice(1)) - 1] ?? 'h6';
        const [said] = children;
        if (said !== undefined) {
          const last = said.token.children?.at(-1);
          if (last?.type === 'text') last.content = withoutBraces(last.content);
        }
        return (
          <>
            <Heading>{inlineOf(node)}</Heading>
            {place.heading(line)}
          </>
        );
      }
      case 'fence':
        return (
          place.fence(line, token.info.trim(), token.content) ?? (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard
            <pre tabIndex={0}>{harmless(token.content)}</pre>
          )
        );
      case 'paragraph_open':
        return token.hidden ? inlineOf(node) : <p>{inlineOf(node)}</p>;
      case 'bullet_list_open':
        return <ul>{blocks(children, place)}</ul>;
      case 'ordered_list_open':
        return <ol start={Number(token.attrGet('start') ?? 1)}>{blocks(children, place)}</ol>;
      case 'list_item_open':
        return <li>{blocks(children, place)}</li>;
      case 'blockquote_open':
        return <blockquote>{blocks(children, place)}</blockquote>;
      case 'table_open':
        return (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard
          <section class="scroll" tabIndex={0} aria-label="Table">
            <table>{blocks(children, place)}</table>
          </section>
        );
      case 'thead_open':
        return <thead>{blocks(children, place)}</thead>;
      case 'tbody_open':
        return <tbody>{blocks(children, place)}</tbody>;
      case 'tr_open':
        return <tr>{blocks(children, place)}</tr>;
      case 'th_open':
        return <th>{inlineOf(node)}</th>;
      case 'td_open':
        return <td>{inlineOf(node)}</td>;
      case 'hr':
        return <hr />;
      case 'html_block':
      case 'code_block':
        return <pre>{harmless(token.content)}</pre>;
      default:
        return children.length > 0 ? blocks(children, place) : harmless(token.content);
    }
  });

const nowhere: Place = { fence: () => undefined, heading: () => undefined };

/** Front matter is for Pawl: its lines are left empty, so that the others stay where they are. */
const withoutFrontMatter = (source: string): string => {
  const lines = source.split('\n');
  if (lines[0]?.trim() !== '---') return source;
  const end = lines.findIndex((line, index) => index > 0 && /^---\s*$/.test(line));
  return end === -1 ? source : lines.map((line, index) => (index <= end ? '' : line)).join('\n');
};

export const Markdown = ({ source, place = nowhere }: { source: string; place?: Place }) => (
  <div class="prose">{blocks(treeOf(markdown.parse(withoutFrontMatter(source), {})), place)}</div>
);
