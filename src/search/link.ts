import type { Search } from './search.ts'

/** The query of the self link: what was applied, in the client's words. */
export const selfQuery = ({ applied }: Pick<Search, 'applied'>): string => toQuery(applied)

const toQuery = (entries: Search['applied']): string =>
  new URLSearchParams(entries.map(([name, value]): [string, string] => [name, value])).toString()
