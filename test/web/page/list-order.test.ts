import t from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { orderField, orderIn, orderProblem, orderQuery } from '../../../src/web/page/list-order.ts'

const orders = { latest: 'Latest first', oldest: 'Oldest first' }
const asked = (address: string) => orderIn(new URLSearchParams(address), orders)
const unknown = 'There is no such order. Choose one of these: Latest first; Oldest first'

t.test('a list has its first order unless the address asks for another that it has', async t => {
  const shown = ['', 'sort=', 'sort=latest', 'sort=oldest', 'sort=toString'].map(asked)
  t.same(
    shown.map(({ by, problem }) => [by, problem]),
    [
      ['latest', undefined],
      ['latest', undefined],
      ['latest', undefined],
      ['oldest', undefined],
      ['latest', unknown],
    ],
  )
  t.same(shown.map(orderQuery), [{}, {}, {}, { sort: 'oldest' }, {}])
  t.same(orderProblem(asked('sort=x')), { name: 'sort', problem: unknown })
  const { problem } = orderIn(new URLSearchParams('sort=x'), orders, wordsFor('es'))
  t.equal(problem, 'No existe ese orden. Elija uno de estos: Latest first; Oldest first')
})

t.test('the field shows the order, and what is wrong with the one that was asked for', async t => {
  t.match(orderField(asked('sort=oldest')).text, '<option value="oldest" selected>Oldest first</option>')
  t.match(orderField(asked('sort=x')).text, `<p class="invalid-feedback d-block mt-0" id="sort-problem">${unknown}</p>`)
  t.match(
    orderField(asked(''), wordsFor('es')).text,
    '<label for="sort" class="form-label fw-semibold">Ordenar por</label>',
  )
})
