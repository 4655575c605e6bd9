//! Sessions told as stories: what each comes to, and that nothing depends on how its bytes were split.

mod outcomes;
mod robust;
mod told;
