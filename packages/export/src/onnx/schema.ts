import type { INamespace } from 'protobufjs';

const field = (id: number, type: string) => ({ id, type });
const list = (id: number, type: string) => ({ id, type, rule: 'repeated' });

/** The messages of onnx.proto that an exported model has, with ONNX's own names and numbers. */
export const onnxSchema: INamespace = {
  nested: {
    ModelProto: {
      fields: {
        ir_version: field(1, 'int64'),
        producer_name: field(2, 'string'),
        graph: field(7, 'GraphProto'),
        opset_import: list(8, 'OperatorSetIdProto'),
        metadata_props: list(14, 'StringStringEntryProto'),
      },
    },
    OperatorSetIdProto: { fields: { domain: field(1, 'string'), version: field(2, 'int64') } },
    StringStringEntryProto: { fields: { key: field(1, 'string'), value: field(2, 'string') } },
    GraphProto: {
      fields: {
        node: list(1, 'NodeProto'),
        name: field(2, 'string'),
        initializer: list(5, 'TensorProto'),
        input: list(11, 'ValueInfoProto'),
        output: list(12, 'ValueInfoProto'),
      },
    },
    NodeProto: {
      fields: {
        input: list(1, 'string'),
        output: list(2, 'string'),
        name: field(3, 'string'),
        op_type: field(4, 'string'),
        attribute: list(5, 'AttributeProto'),
        domain: field(7, 'string'),
      },
    },
    AttributeProto: {
      fields: {
        name: field(1, 'string'),
        i: field(3, 'int64'),
        s: field(4, 'bytes'),
        ints: list(8, 'int64'),
        type: field(20, 'int32'),
      },
    },
    TensorProto: {
      fields: {
        dims: list(1, 'int64'),
        data_type: field(2, 'int32'),
        name: field(8, 'string'),
        raw_data: field(9, 'bytes'),
      },
    },
    ValueInfoProto: { fields: { name: field(1, 'string'), type: field(2, 'TypeProto') } },
    TypeProto: { fields: { tensor_type: field(1, 'TensorTypeProto') } },
    TensorTypeProto: {
      fields: { elem_type: field(1, 'int32'), shape: field(2, 'TensorShapeProto') },
    },
    TensorShapeProto: { fields: { dim: list(1, 'DimensionProto') } },
    DimensionProto: { fields: { dim_value: field(1, 'int64'), dim_param: field(2, 'string') } },
  },
};
