import "@cloister/ui/trusted-types";
import "@cloister/ui/styles.css";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "@tanstack/react-router";
import { CloisterProvider, createCloister, LanguageProvider, reloadStalePages, takeInvitationToken } from "@cloister/ui";
import { catalogue } from "./language/catalogue";
import { createConsoleRouter } from "./router";

const router = createConsoleRouter(takeInvitationToken());
reloadStalePages();

const place = document.getElementById("root");
if (place) {
  createRoot(place).render(
    <LanguageProvider catalogue={catalogue}>
      <CloisterProvider value={createCloister()}>
        <RouterProvider router={router} />
      </CloisterProvider>
    </LanguageProvider>,
  );
}
