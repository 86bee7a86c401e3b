import t from 'tap'
import { presentContacts, reachOf, reachProblems, withReach } from '../../../src/accounts/contact/reach.ts'

const old = { system: 'phone', use: 'old', value: '+1 555 0001' } as const
const desk = { system: 'phone', use: 'work', value: '+1 555 0002', period: { start: '2020' } } as const
const fax = { system: 'fax', value: '+1 555 0003' } as const
const page = { system: 'url', value: 'ward.example.org' } as const
const nothing = { phone: '', email: '', url: '' }

t.test('the first present contact of each system is the one that is changed, and others stay', async t => {
  const telecom = [old, desk, fax, { ...desk, value: '+1 555 0004' }]
  t.same(reachOf({ telecom }), { ...nothing, phone: '+1 555 0002' })
  t.same(withReach({ telecom }, { phone: ' +1 555 0009 ', email: 'ward@example.org', url: '' }).telecom, [
    old,
    { system: 'phone', use: 'work', value: '+1 555 0009' },
    fax,
    { ...desk, value: '+1 555 0004' },
    { system: 'email', use: 'work', value: 'ward@example.org' },
  ])
})

t.test('one that is emptied goes, and with the last one the whole element', async t => {
  t.same(withReach({ telecom: [desk, fax] }, { phone: '' }), { telecom: [fax] })
  t.same(withReach({ telecom: [desk] }, { phone: ' ' }), {})
})

t.test('what is not sent, or not changed, stays as it is', async t => {
  const holder = { telecom: [desk, page], _telecom: [{ id: 'a' }] }
  t.equal(withReach(holder, { phone: '+1 555 0002' }), holder)
  t.equal(withReach(holder, {}), holder)
})

t.test('an address with characters that nobody sees is refused, and it is said why', t => {
  const told = 'There are characters in it that cannot be seen, which may have been copied along. Type it instead'
  for (const mark of ['\u202e', '\u200b', '\u2066', '\u00ad', '\u034f', '\u3164', '\ue000', '\u2028'])
    t.same(
      reachProblems(
        { phone: `+1 555${mark} 0002`, email: `ann${mark}@example.org`, url: `https://www.example.org/${mark}a` },
        nothing,
      ),
      { phone: told, email: told, url: told },
      `U+${mark.codePointAt(0)?.toString(16)}`,
    )
  t.same(reachProblems({ phone: '+1 555 0002', email: 'añá-ø.字@exämple.org', url: '' }, nothing), {})
  t.end()
})

t.test('only what is changed has to be one that can be used', async t => {
  const before = reachOf({ telecom: [page] })
  t.same(reachProblems({ ...before, phone: '', email: '' }, before), {})
  t.same(reachProblems({ phone: 'ask Ann', email: 'ann@', url: 'www.example.org' }, before), {
    phone: 'Write one phone number in digits, such as +1 500 555 0006 or +1 500 555 0006 ext. 12',
    email: 'Write an address as name@example.org',
    url: 'Write the whole address of a page, such as https://www.example.org, of at most 250 characters',
  })
  const more = ['https://example.org/ or ask Ann', 'https://example.org/\u202egro', 'https://example.org/\u0007']
  for (const url of ['javascript:alert(1)', 'https://', `https://example.org/${'a'.repeat(240)}`, ...more])
    t.same(Object.keys(reachProblems({ url }, before)), ['url'], url)
  t.same(reachProblems({ phone: '+1 555 0100', email: 'a@example.org', url: 'https://example.org/a' }, before), {})
})

t.test('contacts that are old, or no way to write or call, are not among those that are shown', async t => {
  t.same(presentContacts({ telecom: [old, fax, desk, { system: 'email' }, page] }), ['+1 555 0002', 'ward.example.org'])
})
