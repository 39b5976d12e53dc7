import type { components } from "./schema";

type Schemas = components["schemas"];

export type Agent = Schemas["Agent"];
export type AuditRecord = Schemas["AuditRecord"];
export type Connection = Schemas["Connection"];
export type ConnectionDetail = Schemas["ConnectionDetail"];
export type Effect = Schemas["Effect"];
export type ErrorBody = Schemas["ErrorBody"];
export type GatewayEvent = Schemas["Event"];
export type Grant = Schemas["Grant"];
export type NewConnection = Schemas["NewConnection"];
export type ServiceState = Schemas["ServiceState"];
export type Status = Schemas["Status"];
export type Team = Schemas["Team"];
export type TestReport = Schemas["TestReport"];
export type Tool = Schemas["Tool"];
export type Transport = Schemas["Transport"];
export type User = Schemas["User"];
