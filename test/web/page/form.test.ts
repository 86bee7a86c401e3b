import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { radioField, selectField } from '../../../src/web/page/choice-field.ts'
import { box, field, notice, postForm } from '../../../src/web/page/form.ts'
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

t.test(
  'only what others read as sentences is looked at for misspellings, and begins with a capital on a phone',
  async t => {
    const asked = { name: 'purpose', label: 'Purpose', autocomplete: 'off', rows: 5 }
    const left = / autocapitalize="none" spellcheck="false"/
    t.match(field(asked).text, left)
    t.notMatch(field({ ...asked, isProse: true }).text, left)
  },
)

t.test('what answers something that was just done has the focus, and what says how things are has not', async t => {
  const focused = (kind: Parameters<typeof notice>[0]) =>
    /^<div class="alert alert-\w+"(?: role="\w+")? tabindex="-1" autofocus>/.test(
      notice(kind, html`<p>So it is.</p>`).text,
    )
  t.same((['problem', 'done', 'warning', 'settled', 'standing'] as const).filter(focused), ['problem', 'done'])
})

t.test('a choice that is wrong says so itself, and not only by the colour and the words beside it', async t => {
  const asked = { name: 'role', label: 'Role', problem: 'Choose one', choices: [{ value: 'a', label: 'A' }] }
  t.match(selectField(asked).text, / aria-describedby="role-problem" aria-invalid="true">/)
  t.match(
    radioField(asked).text,
    /^<fieldset role="radiogroup" [^>]* aria-describedby="role-problem" aria-invalid="true">/,
  )
  const known = {
    type: 'checkbox',
    name: 'knows',
    id: 'knows',
    value: 'yes',
    label: 'I know',
    problem: 'Tick it',
  } as const
  t.match(
    box(known).text,
    /<p [^>]*id="knows-problem">Tick it<\/p>.* aria-describedby="knows-problem" aria-invalid="true">/s,
  )
  for (const right of [selectField({ ...asked, problem: undefined }), radioField({ ...asked, problem: undefined })])
    t.notMatch(right.text, /aria-invalid|aria-describedby/)
})
