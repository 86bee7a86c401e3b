import type { Consent, Provenance } from '@medplum/fhirtypes'
import t from 'tap'
import { consentDecision } from '../../../src/access/vocabulary.ts'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { findSignedConsent } from '../../../src/studies/consent/signed-consent.ts'

const newest = 950

/** A Consent with many versions, and how far back they were read. */
const recordOf = (
  signed: string,
  statusOf: (version: number) => Consent['status'] = () => 'active',
  beside: (said: Provenance) => readonly Provenance[] = () => [],
) => {
  let oldest = Number.POSITIVE_INFINITY
  const version = (number: number): Consent => ({
    resourceType: 'Consent',
    id: 'one',
    meta: { versionId: String(number), lastUpdated: new Date(number * 1000).toISOString() },
    status: statusOf(number),
    scope: { text: 'sharing' },
    category: [],
  })
  const history = async (_type: string, _id: string, { count, cursor = String(newest + 1) }: Asked) => {
    const numbers = Array.from({ length: count }, (_, index) => Number(cursor) - 1 - index).filter(one => one > 0)
    oldest = numbers.at(-1) ?? oldest
    return {
      entries: numbers.map(number => ({ content: JSON.stringify(version(number)) })),
      next: oldest > 1 ? String(oldest) : undefined,
    }
  }
  const signing: Provenance = {
    resourceType: 'Provenance',
    target: [{ reference: `Consent/one/_history/${signed}` }],
    recorded: '2026-01-01T00:00:00Z',
    activity: { coding: [{ system: consentDecision, code: 'signed' }] },
    agent: [],
    signature: [{ type: [], when: '2026-01-01T00:00:00Z', who: { display: 'Pia T' } }],
  }
  const { activity: _, ...said } = {
    ...signing,
    target: [{ reference: 'Consent/one' }],
    recorded: '2026-02-01T00:00:00Z',
  }
  const asked = { record: { store: { history }, find: async () => [...beside(said), signing] }, signed: 'one' }
  return { asked: asked as unknown as Parameters<typeof findSignedConsent>[1], oldestRead: () => oldest }
}

type Asked = { readonly count: number; readonly cursor: string | undefined }

const parts = { accounts: { database: {} }, codeClasses: {} } as unknown as Parameters<typeof findSignedConsent>[0]
const find = (asked: Parameters<typeof findSignedConsent>[1]) => findSignedConsent(parts, asked, wordsFor('en'))

t.test('no more versions of a signed Consent are read than needed', async t => {
  const justSigned = recordOf(String(newest))
  t.match(await find(justSigned.asked), { signature: { who: { display: 'Pia T' } }, changedAt: undefined })
  t.equal(justSigned.oldestRead(), newest - 99, 'one page')
  const before = recordOf('705')
  t.match(await find(before.asked), { consent: { meta: { versionId: '950' } }, signature: {}, endedAt: undefined })
  t.equal(before.oldestRead(), newest - 299)
  const nowhere = recordOf('later')
  t.match(await find(nowhere.asked), { signature: undefined, changedAt: new Date(newest * 1000).toISOString() })
  t.equal(nowhere.oldestRead(), newest - 99)
})

t.test('what others say about it is not a signature of it', async t => {
  const { asked } = recordOf('900', undefined, said => [said])
  t.match(await find(asked), { signature: { who: { display: 'Pia T' } }, changedAt: undefined })
})

t.test('a Consent that has ended counts as it last was, and a name for what was signed up to then', async t => {
  const isEnded = (version: number) => (version > 800 ? 'inactive' : 'active')
  const endedAt = new Date(801 * 1000).toISOString()
  const consent = { meta: { versionId: '800' } }
  t.match(await find(recordOf('790', isEnded).asked), { consent, signature: {}, changedAt: undefined, endedAt })
  t.match(await find(recordOf('900', isEnded).asked), { consent, signature: undefined, endedAt })
  t.match(await find(recordOf('790', version => (version === 795 ? 'inactive' : 'active')).asked), {
    signature: undefined,
    endedAt: undefined,
  })
  t.equal(await find(recordOf('790', () => 'inactive').asked), undefined)
})
