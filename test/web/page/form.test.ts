import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { postForm } from '../../../src/web/page/form.ts'
import { html } from '../../../src/web/page/html.ts'

t.test('a form that posts carries its token and its hidden fields, except undefined ones', async t => {
  const hidden = { version: '7', study: undefined, note: '' }
  t.equal(
    postForm({ action: '/x', token: '"t"', hidden, id: 'choices', novalidate: true }, html`<button>Go</button>`).text,
    `<form method="post" action="/x" id="choices" novalidate>
<input type="hidden" name="_csrf" value="&quot;t&quot;"><input type="hidden" name="version" value="7"><input type="hidden" name="note" value="">
<button>Go</button>
</form>`,
  )
})

t.test('no page writes the tag of such a form itself', async t => {
  const src = join(import.meta.dirname, '../../../src')
  const writers: string[] = []
  for await (const file of glob('web/**/*.ts', { cwd: src }))
    if (/method="post"/i.test(await readFile(join(src, file), 'utf8'))) writers.push(file)
  t.same(writers.sort(), [
    // Sent into a tab that has no cookies yet: what it hands over is the proof.
    'web/launch/launched-in-frame.ts',
    'web/page/form.ts',
    // Sends everything that was sent once more, with its token.
    'web/page/keeps-typed.ts',
  ])
})
