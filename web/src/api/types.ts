import type { components } from "./schema";

/** The server's schemas, under the names that the pages use. */
type Schemas = components["schemas"];
export type StudioEvent = { id: number; kind: string; subject: string; data: Record<string, unknown> };
export type Clip = Schemas["Clip"];
export type Comparison = Schemas["Comparison"];
export type Edit = NonNullable<Schemas["Project"]["edits"]>[number];
export type Format = Schemas["NewExport"]["format"];
export type FrameTake = Schemas["FrameTake"];
export type Grid = Schemas["Grid"];
export type GridCell = Schemas["GridCell"];
export type GridSummary = Schemas["GridSummary"];
export type Job = Schemas["Job"];
type AnyJob = Schemas["NewJob"]["request"];
/** A job to start: its kind, and what differs from the defaults. */
export type JobRequest = AnyJob extends infer One ? (One extends AnyJob ? Pick<One, "kind"> & Partial<One> : never) : never;
export type LibraryEntry = Schemas["LibraryEntry"];
export type OptionInfo = Schemas["OptionInfo"];
export type Options = Schemas["Options"];
export type Project = Schemas["Project"];
export type ProjectSummary = Schemas["ProjectSummary"];
export type Queue = Schemas["Queue"];
export type Report = Schemas["Report"];
export type Retime = Schemas["Retime"];
export type Run = Schemas["Run"];
export type RunSummary = Schemas["RunSummary"];
export type SetDetails = Schemas["SetDetails"];
export type SetImage = Schemas["SetImage"];
export type SetImageChange = Schemas["SetImageChange"];
export type Shot = Schemas["Shot"];
export type ShotFields = Schemas["ShotFields"];
export type StudyInfo = Schemas["StudyInfo"];
export type StudyPlan = Schemas["StudyPlan"];
export type StudyProgress = Schemas["StudyProgress"];
export type Style = Schemas["Style"];
export type Take = Schemas["Take"];
export type Timeline = Schemas["Timeline"];
export type TrainJob = Schemas["TrainJob"];
export type TrainingSet = Schemas["TrainingSet"];
export type ChooseState = Schemas["ChooseState"];
export type ChooseNode = ChooseState["nodes"][number];
export type ChooseMove = { kind: "variation" } | { kind: "img2img"; strength: number; prompt: string } | { kind: "prompt"; prompt: string };
export type Decision =
  | { kind: "take" | "jump"; node: number }
  | { kind: "undo" | "redo" | "retry" }
  | { kind: "reroll"; move?: ChooseMove }
  | { kind: "pin"; node: number; pinned: boolean }
  | { kind: "discard"; node: number; discarded: boolean }
  | { kind: "go_on"; on: boolean };
