import type { Organization } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { extensionsOf } from '../../fhir/extension.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { refuseGainedReaders } from './gained-reader.ts'
import { each, type Projected } from './projection.ts'
import { refuseUsed } from './used-organization.ts'

/** The tree of organizations, each with all its ancestors. A root is a tenant, and nothing moves between tenants. */
export const projectOrganizations = each<Organization>(async (connection, { id, resource }, context) => {
  if (resource === undefined) return remove(connection, id)
  const before = await nodeOf(connection, id)
  const parent = namedId(resource.partOf, 'Organization') ?? null
  await connection.run(sql.fragment`
    INSERT INTO organization_node (id, parent, tenant, second_factor)
    VALUES (${id}, ${parent}, ${id}, ${asksSecondFactor(resource)})
    ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, second_factor = excluded.second_factor`)
  await refuseCircle(connection, id)
  if (context.isAccepted !== true && parent !== null) await refuseGainedReaders(connection, { id, parent })
  await relist(connection, id)
  const after = await nodeOf(connection, id)
  if (before !== undefined && before.tenant !== after?.tenant)
    throw new FhirError('business-rule', 'An organization stays in the tree of its root', {
      expression: 'Organization.partOf',
    })
})

/** What cannot be understood is refused: taken for "no", it would let people in who should not get in. */
const asksSecondFactor = (organization: Organization): boolean => {
  const [asked, ...others] = extensionsOf(organization, extensions.secondFactor)
  if (asked === undefined) return false
  if (asked.valueBoolean === undefined || others.length > 0)
    throw new FhirError('business-rule', 'The extension second-factor stands once, and has a valueBoolean', {
      expression: 'Organization.extension',
    })
  return asked.valueBoolean
}

type Change = Projected<Organization>

const nodeOf = (connection: Connection, id: Change['id']) =>
  connection.maybeOne<{ tenant: string }>(sql.fragment`SELECT tenant FROM organization_node WHERE id = ${id}`)

const refuseCircle = async (connection: Connection, id: string): Promise<void> => {
  const circle = await connection.maybeOne(sql.fragment`
    WITH RECURSIVE above(id) AS (
      SELECT parent FROM organization_node WHERE id = ${id}
      UNION
      SELECT node.parent FROM above JOIN organization_node AS node ON node.id = above.id
    )
    SELECT FROM above WHERE id = ${id}`)
  if (circle !== undefined)
    throw new FhirError('business-rule', 'An organization cannot be part of itself', {
      expression: 'Organization.partOf',
    })
}

/** Lists the ancestors of the organization, and of all below it, anew. */
const relist = async (connection: Connection, id: string): Promise<void> => {
  await connection.run(sql.fragment`
    WITH RECURSIVE ${below(id)}
    DELETE FROM organization_ancestor WHERE organization IN (SELECT id FROM below)`)
  await connection.run(sql.fragment`
    WITH RECURSIVE ${below(id)}, above(organization, ancestor) AS (
      SELECT id, id FROM below
      UNION
      SELECT above.organization, node.parent
      FROM above
      JOIN organization_node AS node ON node.id = above.ancestor
      JOIN organization_node AS parent ON parent.id = node.parent
    )
    INSERT INTO organization_ancestor SELECT organization, ancestor FROM above`)
  await connection.run(sql.fragment`
    WITH RECURSIVE ${below(id)}
    UPDATE organization_node AS node SET tenant = tree.ancestor
    FROM organization_ancestor AS tree
    JOIN organization_node AS root ON root.id = tree.ancestor
    WHERE node.id IN (SELECT id FROM below) AND tree.organization = node.id
      AND (root.parent IS NULL OR NOT EXISTS (SELECT FROM organization_node AS known WHERE known.id = root.parent))`)
}

const below = (id: string): SqlFragment => sql.fragment`below(id) AS (
  SELECT ${id}::text COLLATE "C"
  UNION
  SELECT node.id FROM below JOIN organization_node AS node ON node.parent = below.id
)`

const remove = async (connection: Connection, id: string): Promise<void> => {
  await refuseUsed(connection, id)
  await connection.run(sql.fragment`DELETE FROM organization_ancestor WHERE organization = ${id}`)
  await connection.run(sql.fragment`DELETE FROM organization_node WHERE id = ${id}`)
}
