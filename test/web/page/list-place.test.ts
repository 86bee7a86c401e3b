import t from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { listPlaceIn, numberedPage } from '../../../src/web/page/list-place.ts'

const spanish = wordsFor('es')

t.test('the title of a page of a list differs from that of the first, by its number if there is one', async t => {
  const read = async (page: number) => (page > 3 ? [] : [page])
  const isEmpty = ({ length }: readonly number[]) => length === 0
  const titleOf = async (page: number, words = wordsFor('en')) =>
    (await numberedPage(page, read, { isEmpty, words })).titled('Uploads')
  t.same(await Promise.all([1, 2, 9].map(page => titleOf(page))), ['Uploads', 'Uploads, page 2', 'Uploads'])
  t.equal(await titleOf(3, spanish), 'Uploads, página 3')

  const cursors = { seal: () => '', open: () => ({ path: '/audit', query: '', page: 'where it continues' }) }
  const titleAt = (address: string, known: typeof cursors | undefined = cursors, words = wordsFor('en')) =>
    listPlaceIn(new URLSearchParams(address), known, '/audit', words).titled('Audit')
  t.same([titleAt(''), titleAt('page=sealed')], ['Audit', 'Audit, continued'])
  t.equal(titleAt('page=sealed', cursors, spanish), 'Audit, continuación')
})
