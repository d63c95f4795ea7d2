// The steps in migrations/ say "integer" and "autoincrement", which SQLite knows: times need 64 bits in PostgreSQL, where ids are made otherwise.
import { type ColumnDefinitionNode, type DataTypeNode, GeneratedNode, type KyselyPlugin, OperationNodeTransformer, type PluginTransformQueryArgs, type PluginTransformResultArgs, type QueryResult, type RootOperationNode, type UnknownRow } from 'kysely'

class WideTypes extends OperationNodeTransformer {
  protected override transformColumnDefinition (node: ColumnDefinitionNode): ColumnDefinitionNode {
    const { autoIncrement, ...column } = super.transformColumnDefinition(node)
    return autoIncrement === true ? { ...column, generated: GeneratedNode.create({ identity: true, byDefault: true }) } : column
  }

  protected override transformDataType (node: DataTypeNode): DataTypeNode {
    return node.dataType === 'integer' ? { ...node, dataType: 'bigint' } : node
  }
}

export class PostgresTypes implements KyselyPlugin {
  readonly #transformer = new WideTypes()
  transformQuery ({ node, queryId }: PluginTransformQueryArgs): RootOperationNode { return this.#transformer.transformNode(node, queryId) }
  async transformResult ({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> { return result }
}
