; What JavaScript's grammar names otherwise than TypeScript's.
(field_definition property: [(property_identifier) (private_property_identifier)] @name) @def.field
(class_heritage [(identifier) @ref.type (member_expression property: (property_identifier) @ref.type)])
