import { cloisterApp } from "../build/app";

export default cloisterApp();
