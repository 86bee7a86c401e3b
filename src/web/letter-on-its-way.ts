import { html } from './html.ts'
import type { Page } from './page.ts'

/** The same whether a letter was sent or not, and whatever stands in it. */
export const letterOnItsWay: Page = {
  title: 'Look into your e-mail',
  content: html`<h1>Look into your e-mail</h1>
<p>If the address is right, a message from us arrives there in a few minutes. Open the link in it to go on. You can close this page.</p>
<h2>Nothing has arrived?</h2>
<ul>
<li>Look into the folder for junk mail.</li>
<li>Check that you entered the right address.</li>
<li>Wait ten minutes, then ask again.</li>
</ul>
<p><a href="/sign-in">Go to sign-in</a></p>`,
}
