//! Spanish.

use super::Letter;
use crate::MessageContent;

const CLOSING: &str = "Por favor, no responda a este mensaje: nadie lee este buzón.";

pub(super) fn letter(content: &MessageContent) -> Letter<'_> {
    match content {
        MessageContent::PatientInvitation { clinic, link, expires_on } => Letter {
            subject: format!("{clinic} le invita a su portal para pacientes"),
            paragraphs: vec![
                "Hola:".into(),
                format!("{clinic} ha preparado una cuenta para usted en su portal para pacientes."),
                "Necesitará su fecha de nacimiento y el código que le dio la clínica. Si no tiene código, pídalo a la clínica: \
                 nunca se envía por correo electrónico."
                    .into(),
                format!("El enlace funciona una sola vez, hasta el {expires_on}. Si no esperaba este mensaje, ignórelo."),
            ],
            link: Some(link),
            closing: CLOSING,
        },
        MessageContent::StaffInvitation { clinic, link, expires_on } => Letter {
            subject: format!("Su cuenta de personal en {clinic}"),
            paragraphs: vec![
                "Hola:".into(),
                format!("{clinic} le ha invitado a su consola para el personal."),
                "Necesitará el código que le dio su administrador: nunca se envía por correo electrónico.".into(),
                format!("El enlace funciona una sola vez, hasta el {expires_on}. Si no esperaba este mensaje, ignórelo."),
            ],
            link: Some(link),
            closing: CLOSING,
        },
        MessageContent::OwnerInvitation { clinic, link, expires_on } => Letter {
            subject: format!("Hágase cargo del portal de {clinic}"),
            paragraphs: vec![
                "Hola:".into(),
                format!("Usted figura como titular del portal de {clinic}."),
                "Necesitará un código que se envió al contacto de su clínica para el acuerdo con nosotros. Pídaselo.".into(),
                format!("El enlace funciona una sola vez, hasta el {expires_on}. Si no esperaba este mensaje, avise a su clínica."),
            ],
            link: Some(link),
            closing: CLOSING,
        },
        MessageContent::OwnerClinicCode { clinic, code } => Letter {
            subject: format!("El código de activación para el titular de {clinic}"),
            paragraphs: vec![
                "Hola:".into(),
                format!("El titular del portal de {clinic} fue invitado por correo electrónico y necesita este código: {code}"),
                "Déselo en persona o por teléfono, y solo si usted lo esperaba.".into(),
            ],
            link: None,
            closing: CLOSING,
        },
        MessageContent::AccountLocked { clinic, minutes } => Letter {
            subject: format!("Su cuenta en {clinic} está bloqueada por un tiempo"),
            paragraphs: vec![
                "Hola:".into(),
                format!(
                    "Hubo varios intentos fallidos de entrar en su cuenta en {clinic}, por lo que está bloqueada durante \
                     {minutes} minutos."
                ),
                "Si fue usted, espere y vuelva a intentarlo. Si no fue usted, avise a la clínica.".into(),
            ],
            link: None,
            closing: CLOSING,
        },
    }
}
