import t from 'tap'
import { pagesBeside } from '../../../src/web/page/page-number.ts'

t.test('there is a place for links to other pages only if there are any', async t => {
  t.equal(pagesBeside('Pages', [false, false]), undefined)
  t.equal(
    pagesBeside('Pages', [false, { href: '/x?page=2', text: 'Older' }])?.text,
    '<nav aria-label="Pages"><p><a href="/x?page=2">Older</a> </p></nav>',
  )
})
