//! Writing the mails of sign-ups: each once, before its first attempt, so that every attempt sends the same bytes.

use jiff::Timestamp;

use super::{Mailer, language, signed};
use crate::config::{DigestConfig, Zone};
use crate::digest::message::ascii_address;
use crate::digest::{Invitation, invite};
use crate::model::{SignUpMail, SignUpRecord};
use crate::store::{Result, Store};

impl Mailer {
    /// Writes what was asked for since the last look. What cannot be written stays until it expires.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write_sign_ups(&self, now: Timestamp) -> Result<()> {
        for record in self.store.unwritten_sign_ups(now).await? {
            let digest = self.ground.config.digests.get(&record.asked.digest);
            // Switched off meanwhile: nobody can confirm it.
            let Some(digest) = digest.filter(|digest| digest.sign_up) else {
                continue;
            };
            match self.invitation(digest, &record) {
                Ok(mail) => self.store.write_sign_up(record.id, mail).await?,
                Err(error) => {
                    tracing::error!(digest.id = ?digest.name, error = ?error, "the mail of a sign-up could not be written");
                }
            }
        }
        Ok(())
    }

    fn invitation(
        &self,
        digest: &DigestConfig,
        record: &SignUpRecord,
    ) -> std::result::Result<SignUpMail, String> {
        let config = &self.ground.config;
        let code = record.asked.language.as_ref().unwrap_or(&digest.language);
        let zone = record.asked.zone.as_deref();
        let zone = zone.and_then(|name| Zone::named(name).ok());
        let invitation = Invitation {
            record,
            digest,
            language: language(&self.languages, code)?,
            zone: zone.as_ref().unwrap_or(&digest.timezone),
            base: &config.http.public_url,
        };
        let (message_id, bytes) = invite(invitation, &self.store.secret_key());
        let bytes = signed(self.signer.as_deref(), bytes, record.asked_at)?;
        let (mail, from) = (config.mail.as_ref(), digest.from.address.as_str());
        Ok(SignUpMail {
            message_id,
            envelope_from: ascii_address(mail.map_or(from, |mail| mail.envelope_from(from))),
            envelope_to: ascii_address(&record.asked.address),
            packed: Store::pack_message(&bytes).map_err(|error| error.to_string())?,
        })
    }
}
