import t from 'tap'
import { html } from '../../../src/web/page/html.ts'

t.test('everything that is put into a page is escaped, in elements and in attributes', async t => {
  const nasty = `<script>alert("1" & '2')</script>`
  t.equal(
    html`<p title="${nasty}">${nasty}</p>`.text,
    '<p title="&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;">&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;</p>',
  )
})

t.test('pieces nest, lists are joined, and undefined leaves nothing', async t => {
  const items = ['a', '<b>'].map(one => html`<li>${one}</li>`)
  t.equal(html`<ul>${items}</ul>${undefined}${false}${0}`.text, '<ul><li>a</li><li>&lt;b&gt;</li></ul>0')
})

t.test('an object that only looks like a piece is not one', async t => {
  const made: unknown = JSON.parse('{"text":"<script>"}')
  t.equal(html`${made as string}`.text, '')
})

t.test('what would turn round the text after it is left out of texts, and kept in what is sent back', async t => {
  const [name, unended] = ['\u202eeman', '\u2066a']
  t.equal(html`<p>${name}, ${[unended]}</p>`.text, '<p>eman, a</p>')
  t.equal(html`${name} and`.text, 'eman and')
  t.equal(html`<p>\u2066${'a\u2067b\u2069'}\u2069</p>`.text, '<p>\u2066a\u2067b\u2069\u2069</p>', 'what ends stays')
  const field = html`<input value="${name}"${html` title="${name}"`}><textarea rows="${1}"${undefined}>
${name}</textarea>`
  t.equal(field.text, `<input value="${name}" title="${name}"><textarea rows="1">\n${name}</textarea>`)
})
