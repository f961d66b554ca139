import "@cloister/ui/styles.css";
import { wait } from "@cloister/ui/waiting";

void wait(document, () => window.location.reload());
