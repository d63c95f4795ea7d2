// Who may do what: roles of the operator, and the roles of each user. Those that are built in are in the code.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('roles')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('definition', 'text', column => column.notNull()) // JSON
    .addColumn('changed_at', 'integer', column => column.notNull())
    .execute()

  // A user with none has what new users get: one that a release before this has added.
  await db.schema.createTable('user_roles')
    .addColumn('user_id', 'integer', column => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('role', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('user_roles_pk', ['user_id', 'role'])
    .execute()
  await db.schema.createIndex('user_roles_role').on('user_roles').column('role').execute()

  // Counts changes of what processes hold in memory: a look at one number tells whether it has to be read again.
  await db.schema.createTable('revisions')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('revision', 'integer', column => column.notNull())
    .execute()

  // Whoever set the server up was the first, and may do what everybody could until now, and more.
  const users = await db.selectFrom('users').select(['id', 'disabled_at']).orderBy('id').execute()
  const first = users.find(({ disabled_at: disabledAt }) => disabledAt === null) ?? users[0]
  for (const { id } of users) await db.insertInto('user_roles').values({ user_id: id, role: id === first?.id ? 'admin' : 'member' }).execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  for (const table of ['revisions', 'user_roles', 'roles']) await db.schema.dropTable(table).execute()
}
