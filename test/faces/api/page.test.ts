import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import type { Asking } from '../../../src/faces/api/asking.ts'
import { pageOf } from '../../../src/faces/api/page.ts'

const pages = 4

/** A search with four pages, and everything that was asked of it. */
const openStub = () => {
  const asked: object[] = []
  const search: Asking['search'] = async <R>(_type: string, query: object, more: { readonly skip?: number } = {}) => {
    asked.push({ ...query, ...more })
    const at = 'cursor' in query ? Number(query.cursor) : 1 + (more.skip ?? 0)
    return {
      resources: at > pages ? [] : ([{ resourceType: 'Patient', id: String(at) }] as R[]),
      ...('_total' in query ? { total: pages } : {}),
      ...(at < pages ? { next: String(at + 1) } : {}),
      ...(at > 1 ? { previous: String(at - 1) } : {}),
    }
  }
  const page = (query: string) =>
    pageOf<Patient>({ search } as unknown as Asking, 'Patient', {
      asked: { url: 'http://x/patients', query: new URLSearchParams(query) },
      where: { active: 'true' },
      present: async patients => patients,
    })
  return { asked, page }
}

t.test('a page that is requested by number is searched alone, and the total is counted', async t => {
  const { asked, page } = openStub()
  const third = await page('page=3&page_size=1')
  t.match(third, { count: pages, results: [{ id: '3' }], next: /cursor=4$/, previous: /cursor=2$/ })
  t.strictSame(asked, [{ active: 'true', _count: '1', _total: 'accurate', skip: 2 }])
})

t.test('the first page has its number as well, and a page with a cursor is searched as requested', async t => {
  const { asked, page } = openStub()
  t.match(await page('page_size=1'), { count: pages, results: [{ id: '1' }], previous: null })
  await page('page=2&cursor=2')
  t.strictSame(asked, [{ active: 'true', _count: '1', _total: 'accurate', skip: 0 }, { cursor: '2' }])
})

t.test('there is no page beyond the last', async t => {
  const { page } = openStub()
  await t.rejects(page('page=5'), { message: 'Invalid page.' })
  await t.rejects(page('page=51'), { message: 'Pages beyond 50 are reached by following next' })
})
