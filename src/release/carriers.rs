//! Which merged feeds carry a story at this moment: for `why`. Selects as rendering does, so that the answer is what
//! readers are handed.

use super::{Releaser, select};
use crate::model::StoryId;
use crate::store::StoreError;

impl Releaser {
    /// Names of the merged feeds whose documents hold `story` now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn carriers(&self, story: StoryId) -> Result<Vec<String>, StoreError> {
        let now = self.tools.clock.now();
        let mut names = Vec::new();
        for (name, output) in &self.config.publish {
            let selected = select::stories(&self.tools, output, now).await?;
            if selected.stories.iter().any(|held| held.id == story) {
                names.push(name.clone());
            }
        }
        Ok(names)
    }
}
