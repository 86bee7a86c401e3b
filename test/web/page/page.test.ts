import t from 'tap'
import { wordsFor, wordsIn } from '../../../src/messages/catalogue.ts'
import { html } from '../../../src/web/page/html.ts'
import { pageText } from '../../../src/web/page/page.ts'

t.test('a page in a language from right to left is laid out from right to left, and no other', async t => {
  const page = { title: 'Title', content: html`<h1>Title</h1>` }
  const arabic = pageText({ ...page, words: wordsIn('ar', {}) })
  t.match(arabic, '<html lang="ar" dir="rtl">')
  t.match(arabic, 'href="/static/bootstrap/bootstrap.rtl.min.css"')
  for (const one of [pageText(page), pageText({ ...page, words: wordsFor('es') })]) {
    t.match(one, /<html lang="e[ns]">/)
    t.match(one, 'href="/static/bootstrap/bootstrap.min.css"')
  }
})
