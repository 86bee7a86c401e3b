import { html } from './html.ts'

/** After what says that a page has nothing: where a privacy officer works who has no other role. */
export const officerText = html` As a privacy officer you read <a href="/audit">who did what</a>.`
