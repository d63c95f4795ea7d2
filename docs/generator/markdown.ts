// Markdown as the reference pages need it.

/** A table; cells are one line each, and may hold Markdown. */
export function table (head: string[], rows: string[][]): string {
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

const line = (cells: string[]): string => `| ${cells.map(cell => cell.replaceAll('|', '\\|').split('\n').map(part => part.trim()).join(' ')).join(' | ')} |`

export const code = (text: string): string => text === '' ? '' : `\`${text}\``

/** Says in a page's source where it comes from. */
export const generated = (from: string): string => `<!-- Generated from ${from} by \`./mcpx docs\`; changes made here are lost. -->`
