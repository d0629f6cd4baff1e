import { place } from "../../app/router";
import { ProjectView } from "./project-view";
import { ProjectsView } from "./projects-view";

export function StoryboardPage() {
  const id = place.value.id;
  return id ? <ProjectView key={id} id={id} /> : <ProjectsView />;
}
