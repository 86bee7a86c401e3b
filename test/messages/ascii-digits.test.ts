import t from 'tap'
import { withAsciiDigits } from '../../src/messages/ascii-digits.ts'

t.test('digits are the same in any script', async t => {
  for (const typed of ['٠١٢٣٤٥٦٧٨٩', '۰۱۲۳۴۵۶۷۸۹', '०१२३४५६७८९', '０１２３４５６７８９', '໐໑໒໓໔໕໖໗໘໙', '0123456789'])
    t.equal(withAsciiDigits(`a${typed}-`), 'a0123456789-')
})
