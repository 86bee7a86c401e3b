import t from 'tap'
import { attachmentOf } from '../../../src/studies/definition/study-text.ts'
import { textShown, whomToAsk } from '../../../src/web/sharing/sharing-facts.ts'

const part = { 'who-and-why': 'We do.', duration: 'A year.\n\n\nWHOM TO ASK', withdrawal: 'Call <us>.', contact: 'Us' }
const draft = {
  withdrawal: 'hide',
  words: { en: { 'key-facts': 'It is yours.', ...part }, es: { 'key-facts': 'Es suyo.', ...part } },
}
const plain = (shown: string) =>
  shown
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
const headings = (shown: string) =>
  [...shown.matchAll(/<span role="heading" aria-level="3">([^<]*)<\/span>/g)].map(([, text]) => text)

t.test('the parts of the text to sign have headings, and the text stays as it is signed', async t => {
  for (const [language, first] of [
    ['en', 'KEY FACTS'],
    ['es', 'LO MÁS IMPORTANTE'],
  ] as const) {
    const attachment = attachmentOf(draft, language)
    const shown = textShown(attachment)?.text ?? ''
    t.equal(plain(shown), Buffer.from(attachment.data ?? '', 'base64').toString('utf8'))
    t.match([headings(shown).length, headings(shown)[0]], [5, first], language)
  }
})

t.test('a text that was written elsewhere is shown as it is, also if it says no language that there is', async t => {
  for (const language of [undefined, 'de', 'no language, and not a tag'])
    for (const text of ['Hello\n\nall', 'KEY FACTS', '', '\n\n\n'])
      t.equal(
        textShown({ data: Buffer.from(text).toString('base64') || ' ', ...(language && { language }) })?.text,
        `<div class="as-written border rounded p-3 mb-4"${language ? ` lang="${language}"` : ''}>${text}</div>`,
      )
})

t.test('whoever wants to ask finds whom the study names, or else how its organization is reached', async t => {
  const organization = { id: '1', name: 'University', contacts: ['+1 500 555 0006', 'ask@example.org'] }
  const study = { resourceType: 'ResearchStudy' as const, status: 'active' as const }
  const telecom = [{ system: 'email' as const, value: 'rita@example.org' }]
  t.equal(
    whomToAsk({ study: { ...study, contact: [{ name: 'Rita', telecom }] }, organization }),
    'Rita, rita@example.org',
  )
  t.equal(whomToAsk({ study, organization }), 'University, +1 500 555 0006, ask@example.org')
  t.equal(whomToAsk({ study, organization: { ...organization, contacts: [] } }), 'University')
})
