import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { selectField } from './choice-field.ts'
import { hiddenField, problemList } from './form.ts'
import { type Html, html } from './html.ts'

/** In which order a list is shown. */
export type ListOrder<Order extends string = string> = {
  readonly by: Order
  /** What stands for each order in the address, and its name. A list has the first one unless another is asked for. */
  readonly orders: Readonly<Record<string, string>>
  /** Said at the field if the address asks for an order that the list does not have. */
  readonly problem: string | undefined
}

export const orderIn = <Order extends string>(
  query: URLSearchParams,
  orders: Readonly<Record<Order, string>>,
  { say } = wordsFor('en'),
): ListOrder<Order> => {
  const asked = query.get('sort') ?? ''
  const known = Object.keys(orders) as Order[]
  const [usual] = known
  const found = known.find(one => one === asked)
  if (usual === undefined) throw new Error('A list has an order')
  const problem = say('list.no-order', { orders: Object.values(orders).join('; ') })
  return {
    by: found ?? usual,
    orders,
    problem: found === undefined && asked !== '' ? problem : undefined,
  }
}

/** Shows the order, and is how another is chosen. */
export const orderField = ({ by, orders, problem }: ListOrder, { say }: Words = wordsFor('en')): Html =>
  selectField({
    name,
    label: say('list.order'),
    value: by,
    problem,
    choices: Object.entries(orders).map(([value, label]) => ({ value, label })),
  })

/** A form for a list in which nothing else is looked for; `hidden`: what else its address has. */
export const orderForm = (
  action: string,
  order: ListOrder,
  hidden: Readonly<Record<string, string>>,
  words = wordsFor('en'),
): Html => html`${problemList([orderProblem(order)], words.say('check'))}
<form method="get" action="${action}" class="mb-4">
${Object.entries(hidden).map(([name, value]) => hiddenField(name, value))}
${orderField(order, words)}
<button class="btn btn-outline-primary">${words.say('disclosures.show')}</button>
</form>`

/** For the list of everything that is wrong. */
export const orderProblem = ({ problem }: ListOrder) => ({ name, problem })

/** The order in an address that asks the same again. */
export const orderQuery = ({ by, orders }: ListOrder): Readonly<Record<string, string>> =>
  by === Object.keys(orders)[0] ? {} : { [name]: by }

const name = 'sort'
