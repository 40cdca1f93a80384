; What TypeScript adds.
(abstract_class_declaration name: (type_identifier) @name) @def.class
(interface_declaration name: (type_identifier) @name) @def.interface
(type_alias_declaration name: (type_identifier) @name) @def.type
(enum_declaration name: (identifier) @name) @def.enum
(enum_body name: [(property_identifier) (string)] @name @def.enum_member)
(enum_assignment name: [(property_identifier) (string)] @name) @def.enum_member
(internal_module name: [(identifier) (nested_identifier)] @name) @def.namespace
(module name: [(identifier) (nested_identifier) (string)] @name) @def.namespace
(function_signature name: (identifier) @name) @def.function
(method_signature name: [(property_identifier) (string) (computed_property_name)] @name) @def.method
(construct_signature "new" @name) @def.constructor
(abstract_method_signature name: (property_identifier) @name) @def.method
(public_field_definition name: [(property_identifier) (private_property_identifier)] @name) @def.field
(interface_body (property_signature name: [(property_identifier) (string)] @name) @def.property)
(type_alias_declaration value: (object_type
  (property_signature name: [(property_identifier) (string)] @name) @def.property))
(ambient_declaration (lexical_declaration (variable_declarator name: (identifier) @name) @def.constant))
(ambient_declaration (variable_declaration (variable_declarator name: (identifier) @name) @def.variable))

(extends_clause value: [(identifier) @ref.type (member_expression property: (property_identifier) @ref.type)])
(type_identifier) @ref.type
(call_expression function: (member_expression property: (_) @ref.call) type_arguments: (_))

(import_statement "type" source: (string)) @import.type
(import_statement (import_require_clause (identifier) @import.namespace source: (string (string_fragment) @module))) @import.require
