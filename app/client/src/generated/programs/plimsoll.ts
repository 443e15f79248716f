// This file is generated from the interface file by `npm run generate`. Do not edit it.
import { type Address } from "@solana/kit";

/** Where the program is deployed. */
export const PLIMSOLL_PROGRAM_ADDRESS = "2ducq5nhMgwuZ8EaTgmrR8uwVEtZFzkvxhC1LJifVZsS" as Address<"2ducq5nhMgwuZ8EaTgmrR8uwVEtZFzkvxhC1LJifVZsS">;
