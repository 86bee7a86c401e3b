import { stat } from 'node:fs/promises'
import { startError } from '../../start-error.ts'
import type { PostgresProgram } from './postgres-program.ts'

/**
 * PostgreSQL starts only as the owner of its folder, and a copy belongs to whoever made it. PostgreSQL itself says no more than that it may not read
 * some file.
 */
export const requireOwner = async ({ account }: PostgresProgram, folder: string): Promise<void> => {
  const needed = account?.uid ?? process.getuid?.()
  const { uid: owner } = await stat(folder)
  if (needed === undefined || owner === needed) return
  const name = account === undefined ? needed : 'postgres'
  throw startError(
    `PostgreSQL runs as the user ${name}, and ${folder} belongs to another (${owner}), as a copy does: chown -R ${name} '${folder}'`,
  )
}
