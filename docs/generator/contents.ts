// The list of contents on top of a page, from its headings: those of the second level, and behind each the ones below it.
import { type Heading, headings } from './markdown.ts'

const PLACE = /(<!-- contents -->\n)[^]*?(<!-- \/contents -->)/

/** The page with its list drawn anew, where it has a place for one. */
export function withContents (page: string): string {
  return page.replace(PLACE, (_, begin: string, end: string) => `${begin}${contents(headings(page))}\n${end}`)
}

function contents (all: Heading[]): string {
  const chapters: { chapter: Heading, parts: Heading[] }[] = []
  for (const heading of all) {
    if (heading.level === 2) chapters.push({ chapter: heading, parts: [] })
    else if (heading.level === 3) chapters.at(-1)?.parts.push(heading)
  }
  return chapters.map(({ chapter, parts }) => `- ${link(chapter)}${parts.length > 0 ? `: ${parts.map(link).join(', ')}` : ''}`).join('\n')
}

const link = ({ title, anchor }: Heading): string => `[${title}](#${anchor})`
